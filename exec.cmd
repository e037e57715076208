@rem npm scripts begin with exec, so that a signal to npm reaches the program itself; Windows has none, and needs none.
@%*
