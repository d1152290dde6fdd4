"""How values of any space lie in one flat row, and come back from it.

`observation` has the layout of observations and `action` that of actions, and `padding` the rows of agents whose spaces
differ. All of them build on `walk`, the one walk over the tree of a space; `nodes` makes from it the compiled nodes of
`rows`, `varying` and `action_rows`, which copy the values.
"""
