"""FreqNet on a trained network: that one stays as it is, FreqNet learns for itself and the shares from the merge."""

import pytest
import torch
from srbench_plugins.distillers.freqnet_on_trained import FreqNetOnTrained

from srbench.distilling.distiller import Batch, Setup
from srbench.errors import TrainingError
from srbench.imaging import imresize, rgb_to_y
from srbench.networks.network import Network
from srbench.recipe import Recipe
from srbench.testing import photograph


def setup_of(catalog, student, teacher):
    networks = [Network(catalog.architectures[n], catalog.architectures[n].network(2)) for n in (student, teacher)]
    return Setup(
        student=networks[0],
        teachers=(networks[1],),
        scales=(2,),
        recipe=Recipe(name="short", datasets=("none",), steps=10),
        losses={"l1": torch.nn.functional.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: Network(catalog.architectures[name], catalog.architectures[name].network(2)),
    )


def test_on_a_trained_network_only_freqnet_and_the_shares_learn(catalog):
    setup = setup_of(catalog, "freqnet_on:edsr_small", "edsr_small")
    distiller = FreqNetOnTrained(setup)
    setup.student.module.train()
    hr = photograph(2, 3, 20, 28)
    batch = Batch(imresize(hr, scale=0.5), hr, wanted=2, step=0, steps=1, generator=torch.Generator())
    terms = distiller.losses(batch)
    sum(terms.values()).backward()
    bicubic = imresize(rgb_to_y(batch.lr), scale=2)  # what FreqNet gives at first; the mirrored padding bends its edge
    assert set(terms) == {"l1", "freqnet_l1"}
    assert terms["freqnet_l1"].item() == pytest.approx((bicubic - rgb_to_y(hr)).abs().mean().item(), rel=0.05)
    module = setup.student.module
    assert not module.network.training
    reached = {key.partition(".")[0] for key, p in module.named_parameters() if p.grad is not None}
    assert reached == {"merge"}
    for key, tensor in setup.teacher.module.state_dict().items():
        assert torch.equal(module.network.state_dict()[key], tensor)


def test_the_trained_network_must_be_the_one_below(catalog):
    with pytest.raises(TrainingError, match="train freqnet_on:espcn with this teacher"):
        FreqNetOnTrained(setup_of(catalog, "freqnet_on:edsr_small", "espcn"))
    with pytest.raises(TrainingError, match="edsr_small is not built on espcn"):
        FreqNetOnTrained(setup_of(catalog, "edsr_small", "espcn"))
