"""Hirewire, the connector hub for hiring: events in, rules, deliveries out, answers back."""
