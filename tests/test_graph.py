"""The engine: gradients by hand and by slope, the models of the book again, and what it must survive."""


from lib.graph import backward, leaf


def test_a_gradient_by_hand():
    x = leaf(3.0, "x")
    assert backward(x * x + x)[x] == 7.0
