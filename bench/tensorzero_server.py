"""Starts the gateway that is in TensorZero's wheel, under the interpreter that has it.

`python tensorzero_server.py CONFIG` prints its address and stays until it is ended.
"""

import signal
import sys

from tensorzero.tensorzero import _start_http_gateway

gateway = _start_http_gateway(
    config_file=sys.argv[1],
    clickhouse_url=None,
    postgres_url=None,
    valkey_url=None,
    async_setup=False,
)
print(gateway.base_url, flush=True)
signal.pause()
