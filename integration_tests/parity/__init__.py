"""Programs that mean something in HTTPX, and what each of the two libraries makes of them."""
