from cells.training.point import Point, updates_to


def test_updates_to_an_accuracy_are_those_of_the_first_epoch_that_has_it():
    accuracies = [0.2, 0.89, 0.9, 0.5, 0.95]
    curve = [Point(50 * n, 0.1, 1.0, 1.0, a, 1.0, 0.0) for n, a in enumerate(accuracies, 1)]
    assert updates_to(0.9, curve) == 150
    assert updates_to(0.95, curve) == 250
    assert updates_to(0.96, curve) is None
    assert updates_to(0.5, []) is None
