"""PyTorch on the CPU: its speed, for tests/bench/versus_torch.sh to compare with, and what it learns.

    python3 torch_bench.py MODEL THREADS nchw|nhwc train|infer|jit [SECONDS]
    python3 torch_bench.py MODEL THREADS nchw|nhwc learn|learn-own [SEEDS [EPOCHS [IMAGES]]]

MODEL is mlp, lenet, smallcnn or resnet20, resnet32, ..., the networks of the zoo as PyTorch's users write them.
Batches of 128 images, 32 different ones, real where $DEEPARC_DATA holds MNIST or CIFAR-10; made in advance, so that
PyTorch does not pay for it. train: forward, cross-entropy, backward, SGD with momentum 0.9 and weight decay 1e-4.
infer: no_grad. jit: traced, frozen and optimised for inference first. Prints the median of several repetitions, and
the peak of memory.

learn: a ResNet learns CIFAR-10 by the recipe of `deeparc train`, from weights drawn in the same way; prints the mean
loss of the last epoch and how many test images are right, for every seed of a list as 1,2,3. 3 epochs of all images,
or of the first IMAGES, if nothing is said. learn-own: the same with what PyTorch does when nothing is said, the
momentum of its OneCycleLR (.95, .85 at the peak rate, .95) and the first weights of its Linear.
"""
import gzip
import itertools
import os
import resource
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BATCH, BATCHES, WARM_SECONDS = 128, 32, 1.0
MNIST = ("mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte")
CIFAR = ("cifar-10-batches-bin/data_batch_1.bin", "cifar10/data_batch_1.bin")


# ---- Networks. ----

def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def smallcnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions; where the shape changes, the shortcut takes every other pixel and pads the channels."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.stride, self.pad = (1, 0) if inputs == outputs else (2, (outputs - inputs) // 2)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride == 2:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)


def resnet(depth):
    units = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    width = 16
    for outputs in (16, 32, 64):
        for _ in range((depth - 2) // 6):
            units.append(ResidualBlock(width, outputs))
            width = outputs
    net = nn.Sequential(*units, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return net


def build(name):
    small = {"mlp": mlp, "lenet": lenet, "smallcnn": smallcnn}
    if name in small:
        return small[name](), (1, 28, 28)
    if name.startswith("resnet") and name[6:].isdigit() and (int(name[6:]) - 2) % 6 == 0:
        return resnet(int(name[6:])), (3, 32, 32)
    sys.exit(f"torch_bench.py: there is no network '{name}' here")


# ---- Data. ----

def read(folder, names, count):
    """The first bytes of the first of these files that is there, plain or gzip; None when none is."""
    for name in names:
        for path, opener in ((f"{folder}/{name}", open), (f"{folder}/{name}.gz", gzip.open)):
            if folder and os.path.exists(path):
                with opener(path, "rb") as file:
                    return np.frombuffer(file.read(count), np.uint8)
    return None


def load(shape):
    folder, count = os.environ.get("DEEPARC_DATA"), BATCH * BATCHES
    size = int(np.prod(shape))
    if shape[0] == 1:
        pixels, labels = read(folder, MNIST[:1], 16 + count * size), read(folder, MNIST[1:], 8 + count)
        if pixels is not None and labels is not None:
            return normalised(pixels[16:], shape, 0.1307, 0.3081), torch.from_numpy(labels[8:].astype(np.int64))
    else:
        records = read(folder, CIFAR, count * (1 + size))
        if records is not None:
            records = records.reshape(count, 1 + size)
            return normalised(records[:, 1:], shape, 0.473, 0.251), torch.from_numpy(records[:, 0].astype(np.int64))
    print("torch_bench.py: no real data in $DEEPARC_DATA: the images are noise", file=sys.stderr)
    return torch.randn(count, *shape), torch.randint(0, 10, (count,))


def normalised(pixels, shape, mean, deviation):
    return torch.from_numpy(((pixels.reshape(-1, *shape) / 255.0 - mean) / deviation).astype(np.float32))


# ---- Measuring. ----

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_step(net, batches, mode):
    order = itertools.cycle(batches)
    if mode == "train":
        net.train()
        sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

        def step():
            images, labels = next(order)
            sgd.zero_grad(set_to_none=True)
            F.cross_entropy(net(images), labels).backward()
            sgd.step()
        return step
    net.eval()
    if mode == "jit":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, batches[0][0])))

    def forward():
        with torch.no_grad():
            net(next(order)[0])
    return forward


def measure(step, seconds):
    """Samples a second of each repetition, in ascending order."""
    step()
    begin, steps = time.perf_counter(), 0
    while steps < 2 or time.perf_counter() - begin < WARM_SECONDS:
        step()
        steps += 1
    one = (time.perf_counter() - begin) / steps
    repetitions = 9 if 9 * one < 2 * seconds else 5
    each = max(1, int(seconds / repetitions / one))
    rates = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        for _ in range(each):
            step()
        rates.append(BATCH * each / (time.perf_counter() - begin))
    return sorted(rates)


# ---- Learning. ----

PAD, RATE, DECAY = 4, 0.1, 5e-4
MEAN, DEVIATION = (torch.tensor(x).view(3, 1, 1) for x in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)))


def whole_set(names):
    """All images of these files, as bytes N C H W, and their labels."""
    parts = [read(os.environ.get("DEEPARC_DATA"), [f"cifar-10-batches-bin/{name}", f"cifar10/{name}"], -1)
             for name in names]
    if any(part is None for part in parts):
        sys.exit("torch_bench.py: CIFAR-10 is not in $DEEPARC_DATA")
    records = torch.from_numpy(np.concatenate(parts).reshape(-1, 3073))
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long()


def floats(pixels, layout_of):
    return ((pixels / 255 - MEAN) / DEVIATION).contiguous(**layout_of)


def moved(padded, chosen):
    """Windows of 32 x 32 at random places of these padded images, half of them mirrored."""
    y, x = (torch.randint(2 * PAD + 1, (len(chosen), 1)) + torch.arange(32) for _ in range(2))
    mirrored = torch.rand(len(chosen)) < 0.5
    x[mirrored] = x[mirrored].flip(1)
    return padded[chosen[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def learn(net, layout_of, own, epochs, limit):
    """The mean loss of the last epoch, and how many test images the network gets right afterwards."""
    images, labels = (part[:limit] for part in whole_set([f"data_batch_{i}.bin" for i in range(1, 6)]))
    padded = F.pad(images, (PAD, PAD, PAD, PAD))
    if not own:
        nn.init.kaiming_normal_(net[-1].weight)
        nn.init.zeros_(net[-1].bias)
    sgd = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, weight_decay=DECAY)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(sgd, max_lr=RATE, total_steps=steps, cycle_momentum=own)
    net.train()
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(BATCH):
            sgd.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(floats(moved(padded, chosen), layout_of)), labels[chosen])
            loss.backward()
            sgd.step()
            schedule.step()
            total += loss.item() * len(chosen)
    net.eval()
    tests = zip(*(part.split(256) for part in whole_set(["test_batch.bin"])))
    with torch.no_grad():
        right = sum((net(floats(x, layout_of)).argmax(1) == y).sum().item() for x, y in tests)
    return total / len(images), right


def main():
    modes = ("train", "infer", "jit", "learn", "learn-own")
    if len(sys.argv) < 5 or sys.argv[3] not in ("nchw", "nhwc") or sys.argv[4] not in modes:
        sys.exit(__doc__)
    name, threads, layout, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(threads)
    layout_of = {"memory_format": torch.channels_last if layout == "nhwc" else torch.contiguous_format}
    if mode.startswith("learn"):
        if not name.startswith("resnet"):
            sys.exit("torch_bench.py: only the recipe of ResNets is here")
        seeds, epochs, limit = sys.argv[5:] + ["1", "3", "50000"][len(sys.argv) - 5:]
        for seed in seeds.split(","):
            torch.manual_seed(int(seed))
            net = build(name)[0].to(**layout_of)
            loss, right = learn(net, layout_of, mode == "learn-own", int(epochs), int(limit))
            print(f"torch {name} {mode} seed {seed} loss {loss:.4f} right {right}", flush=True)
        return
    torch.manual_seed(0)
    after_import = peak_mib()
    net, shape = build(name)
    net = net.to(**layout_of)
    images, labels = load(shape)
    batches = [(images[i:i + BATCH].contiguous(**layout_of), labels[i:i + BATCH].contiguous())
               for i in range(0, BATCH * BATCHES, BATCH)]
    rates = measure(make_step(net, batches, mode), float(sys.argv[5]) if len(sys.argv) > 5 else 6.0)
    median = rates[len(rates) // 2]
    print(f"{name} {mode} {layout} threads {threads}: min {rates[0]:.1f} median {median:.1f} max {rates[-1]:.1f} "
          f"samples/s, peak {peak_mib():.0f} MiB ({after_import:.0f} after import)")
    print(f"torch {name} {mode} samples_per_s {median:.1f}")


main()
