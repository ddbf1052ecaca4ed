"""What may leave the machine: the schema of policies, how layers combine, and signatures (pure but for `remote`)."""
