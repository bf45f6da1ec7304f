from cli.restarts import RestartBudget, RestartRules

RULES = RestartRules(most=3, seconds=10, first_pause=1, longest_pause=3)


def test_pauses_double_up_to_the_longest_until_the_budget_is_spent() -> None:
    budget = RestartBudget(RULES)
    assert [budget.take(now) for now in (0, 1, 2, 3)] == [1, 2, 3, None]


def test_old_restarts_are_forgotten() -> None:
    budget = RestartBudget(RULES)
    assert [budget.take(now) for now in (0, 1, 2)] == [1, 2, 3]
    assert budget.take(11.5) == 2  # those at 0 and 1 are out of the window
    assert budget.take(100) == 1
