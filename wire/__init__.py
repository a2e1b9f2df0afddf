"""How the words look on the broker: topics, codecs, signing, the broker link and the embedded broker."""
