"""derivata: write the loss once; calculus does the rest."""
