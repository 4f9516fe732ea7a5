//! What each cluster gets changed: image, labels, annotations, plaintext.
