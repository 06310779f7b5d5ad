"""Deliveries on their way: claimed, carried out, tried again, replayed."""
