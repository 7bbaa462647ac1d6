"""The metrics of what a recogniser is fed are those of images, by names of their own."""

from srbench_plugins.metrics import fronts, lpips, psnr_ssim

from srbench.testing import violations_of


def test_every_metric_of_images_that_needs_no_package_is_there_and_keeps_the_contract():
    own = [metric.name for module in (psnr_ssim, lpips) for metric in module.register_metrics()]
    made = fronts.register_metrics()
    assert [metric.name for metric in made] == [f"front_{name}" for name in own]
    assert {metric.name: violations_of(metric) for metric in made if "lpips" not in metric.name} == {
        f"front_{name}": [] for name in own if "lpips" not in name
    }
