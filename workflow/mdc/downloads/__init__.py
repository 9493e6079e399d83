"""Files from the internet: fetched, checked by their hash, unpacked."""
