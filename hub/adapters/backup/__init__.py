"""Backups of both databases, sealed before they leave the process, and what restores them."""
