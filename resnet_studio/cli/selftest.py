"""The test of a device: `resnet-studio doctor --device NAME`."""

from __future__ import annotations

from resnet_studio.cli.terminal import echo, echo_json, print_grid, run_with_progress


def run_selftest(name: str, *, quick: bool, as_json: bool) -> bool:
    """Test a device, print the report, and return whether it passed. `DeviceError` if there is no such device."""
    from resnet_studio.selftest.compute.run import selftest_steps
    from resnet_studio.selftest.report import grid

    report = run_with_progress(selftest_steps(name, quick=quick))
    if as_json:
        echo_json(report.to_json())
    else:
        print_grid(grid(report.checks))
        echo(f"\n{report.summary}")
    return report.passed
