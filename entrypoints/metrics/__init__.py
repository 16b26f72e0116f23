"""What operators watch: counters of this process, readings of the whole service, and their ways out."""
