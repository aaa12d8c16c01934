"""One offline HTML page a run: `Report` builds it, `style` draws its figures, `training_section` reads a run folder."""

from advsci.report.drawn import drawn as drawn
from advsci.report.figure import style as style
from advsci.report.grid import SampleGrid as SampleGrid
from advsci.report.report import Report as Report
from advsci.report.table import Verdict as Verdict
from advsci.report.training import training_section as training_section
from advsci.report.verdict import adversarial_trainings as adversarial_trainings
from advsci.report.verdict import verdict_section as verdict_section
