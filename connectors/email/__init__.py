"""E-mail with calendar invitations."""
