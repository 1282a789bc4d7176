"""What a layer's features look like, and what can be read out of them besides the class.

Features are [n, units], one row per image. A picture shows their first principal components, of which `COMPONENTS`
are stored with a run: they hold nearly all of what distances and CKA are made of.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from sklearn.linear_model import Ridge
from sklearn.manifold import TSNE
from sklearn.metrics import r2_score, silhouette_score
from torch import Tensor

from ..data import Shifter

COMPONENTS = 50
REACH = 3  # Pixels, of the shifts that `position` has to tell.
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)  # Of ridge regression, per image, on features of mean square 1.


def principal(features: Tensor, count: int = COMPONENTS) -> Tensor:
    """The first principal components [n, count] of `features`, largest first, centred, signs as they come."""
    centred = features.double() - features.double().mean(0)
    left, singular, _ = torch.linalg.svd(centred, full_matrices=False)
    return (left * singular)[:, :count].float()


def dimension(features: Tensor) -> float:
    """The number of directions the features spread over: (Σ λ)² / Σ λ² of the eigenvalues λ of their covariance.

    1 if they lie on a line, the number of units if they spread evenly.
    """
    centred = features.double() - features.double().mean(0)
    # The smaller of the two Gram matrices; both have these eigenvalues.
    gram = centred @ centred.t() if len(centred) < centred.shape[1] else centred.t() @ centred
    return float(gram.trace() ** 2 / gram.square().sum().clamp_min(1e-30))


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of two sets of features of the same images, in 0..1.

    1 where they agree up to rotation, shift and scale; `x` [n, a], `y` [n, b].
    """
    x, y = (part.double() - part.double().mean(0) for part in (x, y))
    cross, own_x, own_y = (torch.linalg.norm(a.t() @ b) for a, b in ((x, y), (x, x), (y, y)))
    return float(cross**2 / (own_x * own_y).clamp_min(1e-30))


def scatter(features: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean squared distance of an image from its class's centre (tightness), and of the classes' centres from the
    centre of all, weighted by size (spread). Their sum is the total variance."""
    features = features.double()
    members = torch.nn.functional.one_hot(labels.long()).double()
    sizes = members.sum(0)
    centres = (members.t() @ features) / sizes.clamp_min(1)[:, None]
    within = (features - centres[labels.long()]).square().sum(1).mean()
    between = ((centres - features.mean(0)).square().sum(1) * sizes).sum() / len(features)
    return float(within), float(between)


def silhouette(features: Tensor, labels: Tensor) -> float:
    """The mean silhouette of the classes: near 1 for tight clusters far apart, near 0 where they overlap."""
    return float(silhouette_score(features.numpy(), labels.numpy()))


def tsne(features: Tensor, seed: int = 0) -> np.ndarray:
    """A picture of `features` in the plane, [n, 2]."""
    perplexity = min(30, (len(features) - 1) / 3)
    return TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(features.numpy())


def stroke_width(images: Tensor) -> Tensor:
    """The mean width in pixels of the strokes of `images` uint8 [n, height, width]; 0 for an empty one.

    Across a stroke of width w the distance to its edge is w/4 on average.
    """
    depths = (distance_transform_edt(image) for image in (images >= 128).numpy())
    return torch.tensor([4 * depth[depth > 0].mean() if depth.any() else 0.0 for depth in depths])


def shifted(images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """`images` [n, …] shifted by up to `REACH` pixels either way, and by how many right and down, [n, 2]."""
    shifter = Shifter(images, REACH)
    drawn = torch.randint(shifter.count, (len(images),), generator=torch.Generator().manual_seed(seed))
    drawn = drawn.to(images.device)
    moved = shifter(torch.arange(len(images), device=images.device), drawn).view(images.shape)
    side = 2 * REACH + 1
    # The window moves down and right over the padded image: the content moves up and left.
    return moved, REACH - torch.stack([drawn % side, drawn // side], 1)


Asked = tuple[Tensor, Tensor]  # Features [n, units] and what is to be read from them, [n] or [n, k].


def decoded(train: Asked, validation: Asked, test: Asked) -> float:
    """R² on test images of a ridge regression from features of mean square 1 to targets, at least 0.

    Its penalty is the best of `PENALTIES` on the validation images. Averaged over the k targets: 1 if they can be read
    off exactly, 0 if no better than their mean. The features are taken as they are: a unit that is on for very few
    images, brought to unit variance, would weigh heavily on some other image.
    """
    (x, targets), *asked = ((features.numpy(), values.numpy()) for features, values in (train, validation, test))
    found = []
    for penalty in PENALTIES:
        model = Ridge(alpha=penalty * len(x)).fit(x, targets)
        found.append([float(r2_score(values, model.predict(features))) for features, values in asked])
    return max(0.0, max(found)[1])
