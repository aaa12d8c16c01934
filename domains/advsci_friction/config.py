"""Settings of the script ``advsci-friction``; importing this module imports no torch."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from advsci.config import Config, DeviceConfig, RunConfig

__all__ = [
    "Design",
    "DesignSliding",
    "Evaluate",
    "Hysteresis",
    "MapFile",
    "Pair",
    "Solid",
    "Solve",
    "StickSlip",
    "Train",
    "WriteReport",
]

Flatten = Literal["none", "plane", "parabola", "lines"]


class Pair(Config):
    """The pair of surfaces: a material of the table or of an own file, any value of which can be replaced."""

    material: str = Field(
        default="dlc",
        description="dlc, silicon, kcl-steel, pdms-glass or steel-dry; or a TOML file with values and their source.",
    )
    modulus: str | None = Field(default=None, description="Contact modulus E*, with unit: '138 GPa'.")
    hardness: str | None = Field(default=None, description="Hardness H, with unit: '27 GPa'.")
    shear_strength: str | None = Field(
        default=None, description="Shear strength tau0 of the contact, with unit: '31 MPa'."
    )
    pressure_coefficient: float | None = Field(
        default=None, ge=0, description="Pressure coefficient alpha of the shear strength."
    )


class MapFile(Config):
    """How a measured map is read."""

    size: str | None = Field(
        default=None, description="Width, or 'width x height', of the map where the file states none: '2 um x 1 um'."
    )
    height_unit: str | None = Field(default=None, description="Unit of the heights, where the file has none: 'nm'.")
    length_unit: str | None = Field(default=None, description="Unit of positions without a unit in the file: 'um'.")
    channel: str | None = Field(default=None, description="Name or index of the height map, where there are several.")
    override: bool = Field(default=False, description="Let --size and units replace what the file states.")
    flatten: Flatten = Field(
        default="plane", description="Subtract the mean plane, a parabola, or each line's median and the plane."
    )
    fill: float = Field(
        default=0.0, ge=0, le=0.5, description="Largest share of undefined pixels that is filled instead of refused."
    )
    invert: bool = Field(default=False, description="Turn the map upside down: for a replica or a depth map.")


class Solid(Config):
    """A viscoelastic solid: the standard linear one, between two moduli."""

    relaxed: str = Field(default="1 MPa", description="Plane-strain modulus at rest, with unit.")
    instantaneous: str = Field(default="1 GPa", description="Plane-strain modulus at high frequency, with unit.")
    relaxation_time: str = Field(default="1 us", description="Relaxation time at the reference temperature.")


class Solve(DeviceConfig, Pair, MapFile):
    """Press a measured surface against its counter-face: contact area, pressures and friction.

    Example: advsci-friction solve scan.ibw --pressure "50 MPa" --material silicon
    """

    file: Path = Field(
        description="AFM or profilometer file (any format of SurfaceTopography), text, npy, or npz with 'heights', "
        "'size' [m]."
    )
    pressure: str = Field(default="50 MPa", description="Mean pressure, with unit.")
    elastic: bool = Field(default=False, description="Leave out the hardness.")
    free: bool = Field(
        default=False, description="The map ends at its edges and is pressed alone, instead of repeating."
    )
    film_thickness: str | None = Field(
        default=None, description="Thickness of a film on the elastic body, with unit; the material is its substrate."
    )
    film_modulus: str | None = Field(
        default=None, description="Plane-strain modulus E/(1 - nu^2) of the film, with unit: '200 GPa'."
    )
    film_poisson: float = Field(default=0.3, ge=0, le=0.5, description="Poisson's ratio of the film.")
    poisson: float = Field(default=0.3, ge=0, le=0.5, description="Poisson's ratio of the elastic body (film, shear).")
    adhesion: str | None = Field(
        default=None, description="Work of adhesion, with unit: '50 mJ/m^2'; solved beside the contact, elastic."
    )
    adhesion_range: str = Field(default="0.3 nm", description="Range of the adhesion, with unit.")
    unloading: bool = Field(default=False, description="Adhesive contact on the way from full contact, not to it.")
    shear: str | None = Field(
        default=None, description="Mean shear below sliding, with unit: which part of the contact sticks and slips."
    )
    coulomb: float | None = Field(
        default=None, gt=0, description="Friction coefficient at each point of the contact (shear)."
    )


class Train(DeviceConfig):
    """Train the texture designer: one model for all materials.

    Example: advsci-friction train --out runs/textures
    """

    shapes: int = Field(default=1500, ge=40, description="Textures in the catalogue.")
    first_steps: int = Field(default=2000, gt=0, description="Steps of the game without physics, which cost no solve.")
    steps: int = Field(default=2400, gt=0, description="Steps of the game with physics.")
    batch_size: int = Field(default=32, ge=4, description="Samples a step, each two contact solves.")
    pixels: int = Field(default=96, ge=32, description="Grid of the solves within the game.")
    catalogue_pixels: int = Field(default=128, ge=32, description="Grid of the catalogue's solves.")
    max_slope: float = Field(default=0.3, gt=0, description="Largest rms slope that can be made.")
    max_depth: float = Field(default=0.2, gt=0, description="Largest peak-to-valley depth as a share of the cell.")
    ablation: Literal["none", "no-physics", "residual-only", "surrogate"] = Field(
        default="none", description="Leave out a part of the game, to see what it is worth."
    )
    quick: bool = Field(default=False, description="A small catalogue and few steps: two minutes.")


class Design(DeviceConfig, Pair):
    """Design textures for a wanted coefficient of friction: maps of a process, edited, or families by a generator.

    Example: advsci-friction design --mu 0.1 --pressure "50 MPa" --count 5
    """

    mu: float = Field(gt=0, description="Wanted coefficient of friction.")
    pressure: str = Field(default="50 MPa", description="Mean pressure, with unit.")
    count: int = Field(default=20, ge=1, le=10000, description="Number of designs.")
    way: Literal["edit", "sewn", "new", "families"] = Field(
        default="edit",
        description="edit: the nearest maps of a process, changed as little as meets the request; sewn: the same from "
        "patchworks of the maps, patterns that no map has; new: maps that a game learns to make, which takes minutes; "
        "families: the trained generator of analytic families.",
    )
    first_steps: int = Field(default=150, gt=0, description="Steps of the game without solves (new).")
    steps: int = Field(default=30, gt=0, description="Steps of the game with solves (new).")
    start: Literal["noise", "quilts"] = Field(
        default="quilts",
        description="What new maps are made from: patchworks of the library, whose seams are healed, or noise (new).",
    )
    also: list[str] = Field(
        default=[], description="Friction wanted at further pressures, each as '0.08 at 20 MPa' (all but families)."
    )
    process: str = Field(
        default="e-beam",
        description="e-beam, two-photon, laser-ripples, ion-ripples, blasting, honing or polishing (all but families).",
    )
    maps: Path | None = Field(
        default=None,
        description="Scan or folder of scans to take the maps from, in place of a process (all but families).",
    )
    library: int = Field(
        default=128,
        ge=16,
        le=4096,
        description="Maps in the library that is searched or learned from (all but families).",
    )
    grid: int = Field(
        default=64,
        ge=32,
        le=256,
        multiple_of=8,
        description="Pixels along a map of the library, a multiple of 8 (all but families).",
    )
    band: int | None = Field(
        default=None,
        ge=2,
        description="Largest number of waves along the cell that an edit may set; default: the "
        "process's own, 8 for scans (edit, sewn).",
    )
    depth: str | None = Field(
        default=None, description="Depth of the process, with unit; default: the one that suits (edit, sewn)."
    )
    softest: bool = Field(
        default=False, description="Among four times as many keep the lowest peak pressures (edit, sewn)."
    )
    mask: Path | None = Field(
        default=None, description="npy of truth values on the grid: pixels that keep their height (edit, sewn)."
    )
    model: Path | None = Field(default=None, description="A model that train wrote; default: the package's (families).")
    family: str | None = Field(default=None, description="One family; default: all that can, in turn (families).")
    slope: float | None = Field(
        default=None, gt=0, description="Wanted rms slope; default: from least to steepest (families)."
    )
    second_mu: float | None = Field(default=None, gt=0, description="Wanted friction at a second pressure (families).")
    second_pressure: str | None = Field(
        default=None, description="The second mean pressure, with unit, best about four times the first (families)."
    )
    cell: str = Field(
        default="1 um", description="Length of the cell, with unit; friction does not depend on it (families)."
    )
    wavelength: str | None = Field(
        default=None, description="Mean wavelength, with unit, in place of the cell's length (families)."
    )
    refine: int = Field(
        default=0, ge=0, le=50, description="Gradient steps on the slope of each design, each one solve (families)."
    )
    pixels: int = Field(default=128, ge=32, description="Pixels along the cell of the exported maps.")
    formats: list[Literal["npz", "nc", "x3p", "stl"]] = Field(default=["npz"], description="Files to write.")


class Evaluate(DeviceConfig):
    """Solve designs again on a finer grid, with tamaas where it is installed.

    Example: advsci-friction evaluate runs/designs/designs.npz --finer 2
    """

    designs: Path = Field(description="npz file that 'design' wrote.")
    finer: int = Field(default=2, ge=1, description="How many times finer the grid is.")
    solver: Literal["own", "tamaas"] = Field(default="own", description="Whose solver judges.")


class WriteReport(DeviceConfig):
    """A page with the designs, their pressure maps and the friction that they have.

    Example: advsci-friction report runs/designs/designs.npz
    """

    designs: Path = Field(description="npz file that 'design' wrote.")


class StickSlip(RunConfig):
    """Friction of a point contact against speed and temperature (Prandtl-Tomlinson).

    Example: advsci-friction stick-slip --temperatures 200 300 --out runs/stick-slip
    """

    corrugation: str = Field(default="0.4 eV", description="Amplitude E0 of the potential, with unit.")
    period: str = Field(default="0.3 nm", description="Period of the potential, with unit.")
    stiffness: str = Field(default="2 N/m", description="Stiffness of the pulling spring, with unit.")
    attempt_rate: str = Field(default="10 GHz", description="Attempt rate of the slip, with unit.")
    temperatures: list[str] = Field(default=["100 K", "300 K", "500 K"], description="Temperatures, with unit.")
    slowest: str = Field(default="1 nm/s", description="Smallest speed, with unit.")
    fastest: str = Field(default="1 mm/s", description="Largest speed, with unit.")


class Hysteresis(RunConfig, MapFile, Solid):
    """Friction of rubber that slides over a rough scan, by the loss in the rubber (Persson).

    Example: advsci-friction hysteresis road.ibw --pressure "0.3 MPa"
    """

    file: Path = Field(description="AFM or profilometer file, text, npy or npz, as in solve; square.")
    pressure: str = Field(default="100 kPa", description="Mean pressure, with unit.")
    reference: str = Field(default="300 K", description="Reference temperature of the relaxation time, with unit.")
    temperatures: list[str] = Field(default=["280 K", "300 K", "330 K"], description="Temperatures, with unit.")
    slowest: str = Field(default="1 um/s", description="Smallest speed, with unit.")
    fastest: str = Field(default="10 m/s", description="Largest speed, with unit.")
    directions: list[float] = Field(
        default=[],
        description="Also solve the contact of this very map, sliding in these directions, in degrees from x: 0 90.",
    )


class DesignSliding(DeviceConfig, Solid):
    """Design textures over which rubber slides with one friction along x and another along y.

    Example: advsci-friction design-sliding --along 0.006 --across 0.004 --instantaneous "10 MPa" --count 2
    """

    along: float = Field(gt=0, description="Wanted coefficient of friction along x.")
    across: float = Field(gt=0, description="Wanted coefficient of friction along y.")
    pressure: str = Field(default="100 kPa", description="Mean pressure, with unit.")
    speed: str = Field(default="1 m/s", description="Sliding speed, with unit.")
    count: int = Field(default=4, ge=1, le=1000, description="Number of designs.")
    process: str = Field(
        default="laser-ripples",
        description="e-beam, two-photon, laser-ripples, ion-ripples, blasting, honing or polishing.",
    )
    maps: Path | None = Field(default=None, description="Scan or folder of scans to take the maps from instead.")
    library: int = Field(default=32, ge=8, le=1024, description="Maps in the library that is searched.")
    grid: int = Field(default=48, ge=32, le=256, multiple_of=8, description="Pixels along a map of the library.")
    band: int | None = Field(
        default=None,
        ge=2,
        description="Largest number of waves along the cell that an edit may set; default: the process's own, 8 for "
        "scans.",
    )
    pixels: int = Field(default=128, ge=32, description="Pixels along the cell of the exported maps.")
    formats: list[Literal["npz", "nc", "x3p", "stl"]] = Field(default=["npz"], description="Files to write.")
