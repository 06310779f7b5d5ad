"""The console: what people see of the hub; it acts only through the hub's use cases."""
