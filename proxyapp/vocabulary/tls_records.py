"""What has come through a TLS connection whose records are read in memory."""

import ssl

RECORD_BYTES = 16 * 1024


def read_records(tls: ssl.SSLObject) -> tuple[bytes, bool]:
    """What has come, and whether the peer has said that it was the last. Raises SSLError."""
    parts = []
    try:
        while part := tls.read(RECORD_BYTES):
            parts.append(part)
    except ssl.SSLWantReadError:
        return parts[0] if len(parts) == 1 else b"".join(parts), False
    except ssl.SSLZeroReturnError:
        pass
    return b"".join(parts), True
