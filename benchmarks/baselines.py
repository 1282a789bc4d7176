"""Forward-Forward as it is commonly written: float32, autograd, one optimiser for all layers.

Two data paths: a DataLoader over torchvision's images, and tensors in memory. Both train 4 × 2000 with
random negatives or with label-search negatives, the latter by ten plain forward passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ff_utils.config import RunConfig
from ff_utils.data import ImageSet, Splits
from ff_utils.readout import error_percent


def inject(x: Tensor, labels: Tensor) -> Tensor:
    x = x.clone()
    x[:, :10] = F.one_hot(labels, 10).to(x.dtype)
    return x


class Net(nn.Module):
    """Linear layers, each with a loss of its own; `detach` stops the gradient between them."""

    def __init__(self, config: RunConfig):
        super().__init__()
        sizes = (784, *config.hidden)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.config = config
        self.searching = config.negatives == "label_search"

    def goodness(self, x: Tensor) -> list[Tensor]:
        found = []
        for layer in self.layers:
            y = layer(x).relu()
            found.append(y.square().sum(1))
            x = F.normalize(y.detach(), dim=1)
        return found

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """S(c) for every label, [batch, 10]."""
        labels = [torch.full((len(x),), c) for c in range(10)]
        return torch.stack([sum(self.goodness(inject(x, c))[1:]) for c in labels], 1)

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        if self.searching:
            wrong = self.scores(x).scatter(1, labels[:, None], -torch.inf).argmax(1)
        else:
            wrong = (labels + torch.randint(1, 10, labels.shape)) % 10
        rows = torch.cat([inject(x, labels), inject(x, wrong)])
        target = torch.cat([torch.ones(len(x)), torch.zeros(len(x))])
        theta = self.config.per_layer("theta")
        losses = [
            F.binary_cross_entropy_with_logits(g - t, target) for g, t in zip(self.goodness(rows), theta, strict=True)
        ]
        return sum(losses)


def in_memory(images: ImageSet, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches by indexing tensors."""
    x, labels = images.images.flatten(1).float() / 255, images.labels.long()
    while True:
        for rows in torch.randperm(len(x)).split(batch_size):
            yield x[rows], labels[rows]


def data_loader(images: ImageSet, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches from a DataLoader with torchvision's transforms, image by image."""
    from PIL import Image
    from torchvision import transforms

    convert = transforms.Compose([transforms.ToTensor(), transforms.Lambda(torch.flatten)])

    class Images(torch.utils.data.Dataset):  # What torchvision.datasets.MNIST does for each image.
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            return convert(Image.fromarray(images.images[i].numpy())), int(images.labels[i])

    loader = torch.utils.data.DataLoader(Images(), batch_size=batch_size, shuffle=True)
    while True:
        yield from loader


def training_steps(
    config: RunConfig, batches: Iterator[tuple[Tensor, Tensor]], bf16: bool = False, net: Net | None = None
) -> Iterator[None]:
    """Each item is one finished training step; `bf16`: with products in bfloat16 by autocast."""
    net = net or Net(config)
    optimizer = torch.optim.SGD(net.parameters(), lr=config.per_layer("lr")[0], momentum=config.momentum)
    for x, labels in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = net.loss(x, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield


def train_and_evaluate(config: RunConfig, splits: Splits, epochs: int) -> float:
    """The validation error (%) by label search after some epochs, with the run's warm-up and seed."""
    torch.manual_seed(config.seed)
    net = Net(config)
    steps = training_steps(config, in_memory(splits.train, config.batch_size), net=net)
    hard = net.searching
    for epoch in range(1, epochs + 1):
        net.searching = hard and epoch > config.warmup
        for _ in range(-(-len(splits.train) // config.batch_size)):
            next(steps)
    images = splits.validation.images.flatten(1).float() / 255
    predicted = torch.cat([net.scores(part).argmax(1) for part in images.split(1000)])
    return error_percent(predicted, splits.validation.labels)
