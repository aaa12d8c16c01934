"""Large regulatory networks: a generator that adds gene after gene, and a discriminator that ranks what it proposes."""
