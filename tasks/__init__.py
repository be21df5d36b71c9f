"""What is learned: generators, corpora, vocabularies, metrics, known floors."""
