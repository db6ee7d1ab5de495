"""Neural networks: described, trained in JAX (the extra ``[jax]``), kept and judged."""
