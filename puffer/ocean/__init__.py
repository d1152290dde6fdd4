"""Native environments, one .pyx file each. The registry finds them; nothing else imports them."""
