"""What a user names, and the blocks it becomes; what does not fit is refused."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.penalties import FREE, BlockNorm, ElasticNet, GroupLasso, Lasso

GROUPS = np.array([0, 0, FREE, 0, FREE])


@pytest.mark.parametrize("named", [Lasso(), ElasticNet(), ElasticNet(0.5)])
def test_each_penalised_column_is_a_block_of_its_own(named):
    penalty = named.on(GROUPS, 1)
    assert penalty.blocks.tolist() == [0, 1, FREE, 2, FREE]
    assert penalty.is_separable and (penalty.block_weights == 1.0).all()
    assert not named.on(GROUPS, 3).is_separable
    assert named.on(GROUPS, 3).n_params == 15


def test_groups_are_weighted_by_the_roots_of_their_sizes():
    penalty = GroupLasso().on(np.array([1, 0, 1, FREE, 1, 1]), 2)
    assert penalty.block_weights.tolist() == [1.0, 2.0]
    assert penalty.param_blocks.tolist() == [1, 0, 1, FREE, 1, 1] * 2


def test_strengths_are_the_exponentials_of_hyper_shared_by_a_ratio():
    assert Lasso().on(GROUPS, 1).strengths(np.log([3.0])) == pytest.approx((3.0, 0.0))
    assert ElasticNet().on(GROUPS, 1).strengths(np.log([3.0, 2.0])) == pytest.approx((3.0, 2.0))
    assert ElasticNet(0.25).on(GROUPS, 1).strengths(np.log([4.0])) == pytest.approx((1.0, 3.0))


def test_equal_penalties_are_equal_and_print_as_they_are_written():
    assert Lasso() == Lasso() and ElasticNet(0.5) != ElasticNet()
    assert repr(ElasticNet(0.5)) == "ElasticNet(l1_ratio=0.5)" and repr(Lasso()) == "Lasso()"


@pytest.mark.parametrize("blocks", [[0, 2], [0, -2], [1, 1]])
def test_blocks_without_a_weight_are_refused(blocks):
    with pytest.raises(InvalidParameter, match="`blocks` holds"):
        BlockNorm(np.array(blocks), 1, ("l1",), np.ones(1), 1.0)


def test_names_that_do_not_fit_the_strengths_are_refused():
    with pytest.raises(InvalidParameter, match="`hyper_names`"):
        BlockNorm(np.array([0]), 1, ("l1",))
    with pytest.raises(InvalidParameter, match="`hyper_names`"):
        BlockNorm(np.array([0]), 1, ("l1", "l2"), l1_ratio=0.5)
