"""HTTP/1.1 (RFC 9112): heads, framing, and the connection that uses them."""
