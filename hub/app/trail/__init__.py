"""The audit trail: verified, exported, its heads kept elsewhere."""
