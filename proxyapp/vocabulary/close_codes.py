"""With which a WebSocket is closed (RFC 6455, section 7.4.1, and IANA's registry)."""

NORMAL = 1000
GOING_AWAY = 1001
# Never sent: a close without a code, and none at all.
NO_CODE = 1005
LOST = 1006
INVALID_DATA = 1007
POLICY = 1008
TOO_BIG = 1009
INTERNAL = 1011
RESTART = 1012
BUSY = 1013
BAD_GATEWAY = 1014
# Never sent, either: of a connection that did not come about.
BAD_TLS = 1015
