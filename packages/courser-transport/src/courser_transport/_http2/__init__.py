"""HTTP/2 (RFC 9113): many exchanges at once over one stream of bytes."""
