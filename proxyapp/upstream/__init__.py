"""The way to a target: dial, proxy, TLS, HTTP/1.1, the headers that cross; tests of that way."""
