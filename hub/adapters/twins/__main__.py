"""`python -P -m hub.adapters.twins < config.json`: the configuration holds keys, so it never is an argument."""

import asyncio
import sys

from hub.adapters.twins.process import read_config, serve_many

if __name__ == "__main__":
    asyncio.run(serve_many(read_config(sys.stdin.buffer.read())))
