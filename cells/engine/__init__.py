"""From a cell to a trained model. torch and numpy live here.

Dimension letters, used in every shape of the project:

| letter | is |
| --- | --- |
| `T` | time steps in a window |
| `B` | batch: lanes trained side by side |
| `H` | hidden width |
| `F` | input features (88 notes of a piano roll) |
| `V` | vocabulary: distinct symbols |
| `P` | parameters |
"""
