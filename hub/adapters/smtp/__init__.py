"""Mail out: RFC 5322 messages over SMTP (RFC 5321)."""
