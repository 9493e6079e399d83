"""Tables over several runs that answer the paper's claims."""
