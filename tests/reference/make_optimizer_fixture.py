#!/usr/bin/env python3
"""Writes tests/fixtures/optimizers.json: ten steps of PyTorch's optimizers and the rates of its schedulers.

    python3 tests/reference/make_optimizer_fixture.py

Two parameters, weight (15 numbers) and bias (3), take the same ten gradients under every optimizer; the fixture holds
where they end after steps 1 and 10. The C tests need the fixture, not Python. Made with PyTorch 1.13, the whole cycles with 2.13.
"""
import json
import os
import torch

STEPS, RATE = 10, 0.1
generator = torch.Generator().manual_seed(7)
start = {"weight": torch.randn(15, generator=generator), "bias": torch.randn(3, generator=generator)}
gradients = [{n: torch.randn(p.shape, generator=generator) for n, p in start.items()} for _ in range(STEPS)]

CASES = [
    ("sgd", dict(momentum=0.0)),
    ("sgd", dict(momentum=0.0, weight_decay=0.01)),
    ("sgd", dict(momentum=0.9)),
    ("sgd", dict(momentum=0.9, weight_decay=0.01)),
    ("sgd", dict(momentum=0.9, weight_decay=0.01, nesterov=True)),
    ("sgd", dict(momentum=0.9, clip=1.5)),
    ("sgd", dict(momentum=0.9, weight_decay=0.01, bias_rate=2.0, bias_decay=0.0)),
    ("adam", dict(beta1=0.9, beta2=0.999)),
    ("adam", dict(beta1=0.9, beta2=0.999, weight_decay=0.01)),
    ("adam", dict(beta1=0.8, beta2=0.95, clip=1.5)),
    ("adamw", dict(beta1=0.9, beta2=0.999, weight_decay=0.05)),
    ("adamw", dict(beta1=0.9, beta2=0.999, weight_decay=0.05, bias_rate=0.5, bias_decay=0.0)),
]


def optimizer(kind, parameters, options):
    groups = [dict(params=[parameters["weight"]]), dict(params=[parameters["bias"]])]
    if "bias_rate" in options:
        groups[1].update(lr=RATE * options["bias_rate"], weight_decay=options["bias_decay"])
    common = dict(lr=RATE, weight_decay=options.get("weight_decay", 0.0))
    if kind == "sgd":
        return torch.optim.SGD(groups, momentum=options["momentum"], nesterov=options.get("nesterov", False), **common)
    made = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    return made(groups, betas=(options["beta1"], options["beta2"]), **common)


def run(kind, options):
    parameters = {n: torch.nn.Parameter(p.clone()) for n, p in start.items()}
    stepper, ends = optimizer(kind, parameters, options), {}
    for step in range(STEPS):
        for n, p in parameters.items():
            p.grad = gradients[step][n].clone()
        if "clip" in options:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), options["clip"])
        stepper.step()
        if step in (0, STEPS - 1):
            ends["after_%d" % (step + 1)] = {n: p.detach().tolist() for n, p in parameters.items()}
    return dict(kind=kind, options=options, **ends)


def rates(kind, make, steps, **options):
    """The rate of every step, with the scheduler stepped once a batch or, where `every` says so, once an epoch."""
    stepper = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=options["rate"])
    steps_epoch = options["steps_epoch"]
    scheduler, out = make(stepper), []
    by_epoch = kind in ("step", "multi_step")
    for step in range(steps):
        out.append(stepper.param_groups[0]["lr"])
        stepper.step()
        if not by_epoch or (step + 1) % steps_epoch == 0:
            scheduler.step()
    return dict(kind=kind, options=options, rates=out)


def one_cycle(steps, share):
    options = dict(total_steps=steps, pct_start=share, final_div_factor=1.2, cycle_momentum=False)
    return lambda o: L.OneCycleLR(o, 0.3, **options)


def whole_cycle(steps, high, low, **options):
    """OneCycleLR with all its defaults but those given: rate and momentum of every step."""
    stepper = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3, momentum=high)
    scheduler = L.OneCycleLR(stepper, 0.3, total_steps=steps, max_momentum=high, base_momentum=low, **options)
    out = []
    for step in range(steps):
        out.append([stepper.param_groups[0]["lr"], stepper.param_groups[0]["momentum"]])
        stepper.step()
        if step + 1 < steps:
            scheduler.step()
    return dict(rate=0.3, final=0.3 / 25 / 1e4, share=options.get("pct_start", 0.3), high=high, low=low, steps=out)


L = torch.optim.lr_scheduler
schedules = [
    rates("constant", lambda o: L.LambdaLR(o, lambda e: 1.0), 20, rate=0.3, steps_epoch=4),
    rates("step", lambda o: L.StepLR(o, 3, 0.5), 40, rate=0.3, steps_epoch=4, every=3, factor=0.5),
    rates("multi_step", lambda o: L.MultiStepLR(o, [2, 5], 0.1), 40, rate=0.3, steps_epoch=4, milestones=[2, 5],
          factor=0.1),
    rates("cosine", lambda o: L.CosineAnnealingLR(o, 57, eta_min=0.01), 57, rate=0.3, steps_epoch=4, final=0.01),
    rates("one_cycle", one_cycle(60, 0.3), 60, rate=0.3, steps_epoch=4, final=0.01, warm_share=0.3),
    rates("one_cycle", one_cycle(41, 0.1), 41, rate=0.3, steps_epoch=4, final=0.01, warm_share=0.1),
]

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "fixtures", "optimizers.json"), "w") as out:
    json.dump(dict(rate=RATE, start={n: p.tolist() for n, p in start.items()},
                   gradients=[{n: g.tolist() for n, g in step.items()} for step in gradients],
                   optimizers=[run(kind, options) for kind, options in CASES], schedules=schedules,
                   whole_cycles=[whole_cycle(50, 0.95, 0.85), whole_cycle(23, 0.9, 0.6, pct_start=0.45),
                                 whole_cycle(2, 0.95, 0.85)]), out, separators=(",", ":"))
    out.write("\n")
