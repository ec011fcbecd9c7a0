"""What a period may enforce while the policy about authors is not in force: nothing new, and what was begun goes on."""

from typing import Any

import pytest

from hypercare.domain.conditions import ConditionType
from hypercare.domain.objects import POLICIES, POLICY_BINDINGS, ObjectRef
from hypercare.shipped import authors_policy
from tests.unit.lives import MINUTE
from tests.unit.loop import HOLD, LONG, OVERLAY, PERIOD, PERIOD_SPEC, STATUS, Loop

T = ConditionType
POLICY = ObjectRef(POLICIES, "", "care-authors")
BINDING = ObjectRef(POLICY_BINDINGS, "", "care-authors")
RELEASED: dict[str, Any] = {"release": {"version": "2.5.0", "name": "winter"}}


class World(Loop):
    """An operator that was not told to do without the policy."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(**{**LONG, **spec})
        self.waived = False
        self.start()

    def install(self) -> None:
        self.server.put(POLICY, authors_policy())
        self.server.put(BINDING, {"policyName": POLICY.name, "validationActions": ["Deny"]})

    def uninstall(self) -> None:
        self.server.remove(BINDING)
        self.server.remove(POLICY)

    @property
    def written(self) -> set[str]:
        """What was written beside the status and the report."""
        return {each for each in self.server.writes if each != STATUS and "ConfigMap" not in each}

    @property
    def changed(self) -> tuple[bool, bool, bool]:
        """Whether the floor is raised, whether the overlay is there, whether a hold is."""
        return self.floor != 2, OVERLAY in self.server.objects, HOLD in self.server.objects


async def test_without_the_policy_nothing_is_written_but_the_status_and_says_so() -> None:
    world = World()
    await world.pass_time(20 * MINUTE)
    assert world.written == set()
    assert world.condition(T.STALLED) == ("True", "AuthorsUnchecked")
    assert world.condition(T.READY) == ("False", "AuthorsUnchecked")
    assert world.condition(T.ALERTS_TIGHTENED) == ("False", "AuthorsUnchecked")
    assert world.condition(T.SCALING_RAISED) == ("False", "AuthorsUnchecked")
    assert world.condition(T.RESTORED) == ("True", "NothingHeld")
    assert "no ValidatingAdmissionPolicy asks" in world.conditions[T.STALLED].condition.message
    assert world.status["acceptedGeneration"] == 0
    assert world.told.events.count(("AuthorsUnchecked", True)) == 1


async def test_evidence_is_read_all_the_same() -> None:
    world = World()
    await world.pass_time(20 * MINUTE)
    assert [each["verdict"] for each in world.status["criteria"]] == ["Met", "Unmet"]


async def test_with_the_policy_it_is_enforced() -> None:
    world = World()
    world.install()
    await world.until("Active")
    assert world.changed == (True, True, True)
    assert world.status["acceptedGeneration"] == 1


async def test_what_was_written_without_the_policy_waits_to_be_written_again() -> None:
    world = World()
    await world.pass_time(MINUTE)
    world.install()
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("True", "WrittenUnchecked")
    assert world.written == set()
    world.server.edit(PERIOD, suspend=False)
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("False", "NothingBlocks")
    assert world.changed == (True, True, True)


async def test_what_asks_nothing_of_its_author_heals_by_itself() -> None:
    world = World(protection={})
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("True", "AuthorsUnchecked")
    world.install()
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("False", "NothingBlocks")
    assert world.changed == (False, True, False)


async def test_a_new_operator_knows_what_the_last_one_refused() -> None:
    world = World()
    await world.pass_time(MINUTE)
    world.install()
    world.start()
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("True", "WrittenUnchecked")
    assert world.written == set()


async def test_what_was_begun_goes_on_without_the_policy_and_is_restored_as_usual() -> None:
    world = World(**{part: PERIOD_SPEC[part] for part in ("stages", "window")})
    world.install()
    await world.until("Active")
    world.uninstall()
    world.start()
    await world.pass_time(10)
    assert (world.changed, world.condition(T.STALLED)) == ((True, True, True), ("False", "NothingBlocks"))
    await world.until("Completed")
    assert world.changed == (False, False, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(RELEASED, id="a new run"),
        pytest.param({"protection": {"scaling": [{"target": "checkout", "floor": 6}]}}, id="more of it"),
        pytest.param({"release": {"version": "2.4.1", "name": "autumn"}}, id="a hotfix in the same run"),
    ],
)
async def test_a_changed_spec_is_refused_and_what_was_raised_comes_back(change: dict[str, Any]) -> None:
    world = World()
    world.install()
    await world.until("Active")
    world.uninstall()
    world.server.edit(PERIOD, **change)
    await world.pass_time(MINUTE)
    assert world.condition(T.STALLED) == ("True", "AuthorsUnchecked")
    assert world.changed == (False, False, False)
    assert world.status["acceptedGeneration"] == 1


async def test_one_that_observes_is_none_of_the_policys_business() -> None:
    world = World(mode="Observe")
    await world.until("Active")
    assert world.condition(T.STALLED) == ("False", "NothingBlocks")
    assert world.condition(T.ALERTS_TIGHTENED) == ("True", "ObserveMode")


async def test_a_spec_that_cannot_be_used_is_accepted_all_the_same() -> None:
    """A profile that comes later must not let it look as if it was written without the policy."""
    world = World()
    world.install()
    world.server.edit(PERIOD, profile="later")
    await world.pass_time(10)
    assert (world.condition(T.STALLED)[1], world.status["acceptedGeneration"]) == ("ProfileNotFound", 2)


async def test_a_spec_that_could_not_be_used_without_the_policy_is_not_accepted_with_it() -> None:
    world = World()
    world.server.edit(PERIOD, profile="later")
    await world.pass_time(10)
    world.install()
    await world.pass_time(10)
    assert (world.condition(T.STALLED)[1], world.status["acceptedGeneration"]) == ("ProfileNotFound", 0)


async def test_an_operator_that_was_told_to_do_without_enforces() -> None:
    world = World()
    world.waived = True
    world.start()
    await world.until("Active")
    assert world.changed == (True, True, True)
