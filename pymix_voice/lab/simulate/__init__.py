"""Random worlds, each from one seed, and rules that must hold in every one of them."""
