"""HTTP out: the egress guard, credentials, signatures and the aiohttp transport."""
