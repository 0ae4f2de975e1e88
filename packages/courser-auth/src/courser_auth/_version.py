"""The version of this distribution; hatchling reads it here when it builds."""

__version__ = "0.1.0"
