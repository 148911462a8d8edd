"""How points do under degradations that their parts were not trained on."""
