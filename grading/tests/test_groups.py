"""What stays on one side of a split."""

import numpy as np

from grading.groups import Candidate, candidates, group, group_columns
from grading.tests.panels import add_images
from labeler.models import Image, ImageName, Study

FAR = 0x5555_5555_5555_5555


def candidate(
    image: int, *, cluster: int | None = None, person: int | None = None, looks: int | None = None, label: str = ""
) -> Candidate:
    return Candidate(image, f"{image:064x}", cluster, person, looks, label)


def test_a_cluster_joins_and_a_label_joins_clusters() -> None:
    groups = group(
        [
            candidate(1, cluster=1),
            candidate(2, cluster=1, label="visit 3"),
            candidate(3, cluster=3, label="visit 3"),
            candidate(4, cluster=4),
        ]
    )
    assert groups[1] == groups[2] == groups[3] != groups[4]


def test_what_a_lead_parted_is_not_joined_again_by_person_or_looks() -> None:
    groups = group([candidate(1, cluster=1, person=7, looks=0), candidate(2, cluster=2, person=7, looks=0)])
    assert groups[1] != groups[2]


def test_a_person_a_label_and_a_near_duplicate_join_and_chains_do_too() -> None:
    groups = group(
        [
            candidate(1, person=7),
            candidate(2, person=7, looks=0),
            candidate(3, looks=0b1111, label="visit 3"),
            candidate(4, label="visit 3"),
            candidate(5, looks=FAR),
            candidate(6),
        ]
    )
    assert groups[1] == groups[2] == groups[3] == groups[4]
    assert len({groups[1], groups[5], groups[6]}) == 3


def test_a_group_is_named_after_its_smallest_content() -> None:
    assert group([candidate(9, person=1), candidate(4, person=1)]) == {9: f"{4:064x}", 4: f"{4:064x}"}


def test_hashes_that_differ_in_more_than_four_bits_stay_apart() -> None:
    assert len(set(group([candidate(1, looks=0), candidate(2, looks=0b11111)]).values())) == 2


def test_negative_hashes_are_compared_as_bits() -> None:
    assert len(set(group([candidate(1, looks=-1), candidate(2, looks=-2)]).values())) == 1


def test_near_duplicates_are_found_across_chunks() -> None:
    looks = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, size=1200).tolist()
    many = [candidate(at, looks=value) for at, value in enumerate(looks)]
    groups = group([*many, candidate(5000, looks=looks[3])])
    assert groups[5000] == groups[3]
    assert len(set(groups.values())) == 1200


def test_the_columns_of_the_import_are_offered_and_an_empty_cell_joins_nothing(study: Study) -> None:
    images = add_images(study, 3, metadata={"group": "", "visit": "1"})
    assert group_columns(study) == ["group", "visit"]
    assert [one.label for one in candidates(study, [image.pk for image in images], "group")] == ["", "", ""]
    assert [one.cluster for one in candidates(study, [image.pk for image in images])] == [None, None, None]
    Image.objects.filter(pk=images[0].pk).update(cluster=images[0].pk)
    assert candidates(study, [images[0].pk])[0].cluster == images[0].pk
    ImageName.objects.filter(image=images[0]).update(metadata={"group": "12"})
    assert candidates(study, [images[0].pk], "group")[0].label == "12"
