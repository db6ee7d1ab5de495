"""What is asked of a fitted model: public functions of a model, its rows and its targets."""
