"""Networks that recognise images: their spec, a backbone with its head, heads, attention."""
