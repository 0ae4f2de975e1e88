"""An extension of griffe, which reads the source for docs/reference: a method under the name that a class gives it.

`send = Exchange._send` is an attribute without a docstring to griffe, which would not be shown.
"""

import copy

import griffe


class SharedMethods(griffe.Extension):
    """Shows what is a method of another class, under another name, as a method."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: object) -> None:
        """Look at all classes of a package that was read."""
        for module in [pkg, *_modules(pkg)]:
            for each in module.classes.values():
                if not each.is_alias:
                    _share(each, loader)


def _modules(module: griffe.Module) -> list[griffe.Module]:
    found = [member for member in module.modules.values() if not member.is_alias]
    return [*found, *[below for member in found for below in _modules(member)]]


def _share(owner: griffe.Class, loader: griffe.GriffeLoader) -> None:
    for name, attribute in list(owner.attributes.items()):
        if attribute.is_alias or not isinstance(attribute.value, griffe.ExprAttribute):
            continue
        path = attribute.value.canonical_path
        try:
            method = loader.modules_collection[path]
        except KeyError:
            continue
        if method.is_function:
            shared = copy.copy(method)
            shared.name = name
            owner.set_member(name, shared)
