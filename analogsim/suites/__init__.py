"""Several networks under one question: combined tables, and the one small file that keeps them."""
