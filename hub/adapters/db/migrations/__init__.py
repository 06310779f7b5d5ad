"""Alembic's folder: the environment and one module per revision."""
