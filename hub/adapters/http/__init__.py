"""HTTP out: the egress guard, credentials, signatures and the transport over either of two HTTP clients."""
