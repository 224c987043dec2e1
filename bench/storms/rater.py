"""The rater in the storm: labels in one tab or two, changes a grade now and then, and suffers what the deck brings."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import count

from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from bench.place import Place
from bench.storms.faults import Deck, Fault, Weather
from bench.storms.hand import PATIENCE_MS, Look, Notes, Tab, context, sign_in
from bench.storms.machine import Machine

KEY_EVERY = 0.065  # seconds
STUCK_AFTER = 8.0  # seconds without a grade: then the next fault comes all the same
CALM_AFTER = 25.0  # seconds without a grade: then no more comes until there is one, so that it can all come back
PATIENCE = 240.0  # seconds without a grade: then it will not end
CHANGE_SHARE = 0.02
SWITCH_SHARE = 0.2
GRADES = "12345"


class Rater:
    """`notes` has what the tabs told, `happened` the faults that came to browser and sign-in."""

    def __init__(
        self, browser: Browser, address: str, weather: Weather, machine: Machine, place: Place, seed: int, gap: int
    ) -> None:
        self.notes = Notes()
        self.happened: Counter[Fault] = Counter()
        self._rng = random.Random(f"rater {seed}")
        self._deck = Deck(random.Random(f"deck {seed}"), gap)
        self._weather = weather
        self._machine = machine
        self._place = place
        self._context = context(browser, address, self.notes)
        self._numbers = count(1)
        self._path = f"/studies/{place.rows('SELECT id FROM labeler_study')[0][0]}/label/"
        self._tabs = [self._open()]
        self._pending: list[tuple[float, Fault]] = []
        self._offline_until: float | None = None
        self._next_fault = self._deck.gap()
        self._graded = 0
        self._last_grade = self._last_fault = self._last_key = time.monotonic()
        self._ending = False

    def label(self) -> bool:
        """Until every image is graded and the page says that all is saved; False when that does not come."""
        while not self._over():
            if time.monotonic() - self._last_grade > PATIENCE:
                break
            self._weather.tick()
            self._tick()
            if not self._ending:
                self._fault_if_due()
            tab = self._choose()
            self._act(tab, tab.look())
            self._note_progress()
        ended = self._over()
        for tab in self._tabs:
            tab.close()
        self._context.close()
        return ended

    def _over(self) -> bool:
        calm = self._weather.calm and not self._pending and self._offline_until is None
        return calm and all(tab.seen is not None and tab.seen.over for tab in self._tabs)

    def _note_progress(self) -> None:
        given = len(self.notes.given)
        if given > self._graded:
            self._graded, self._last_grade = given, time.monotonic()
        self._ending = self._ending or any(tab.seen is not None and tab.seen.view == "finished" for tab in self._tabs)

    # --- Labelling --------------------------------------------------------------------------------------------------

    def _choose(self) -> Tab:
        """Mostly the tab of the last key, which is the first."""
        unfinished = [tab for tab in self._tabs if tab.seen is None or not tab.seen.over] or self._tabs
        if len(unfinished) > 1 and self._rng.random() < SWITCH_SHARE:
            self._tabs.reverse()
        return next(tab for tab in self._tabs if tab in unfinished)

    def _act(self, tab: Tab, look: Look | None) -> None:
        if look is None:
            if not tab.arrive():
                time.sleep(0.2)
        elif look.dialog:
            tab.press("Escape")
        elif not look.ready:
            time.sleep(0.03)
        elif not look.reviewing and self._rng.random() < CHANGE_SHARE:
            tab.press("Backspace")
        else:
            self._grade(tab, look)

    def _grade(self, tab: Tab, look: Look) -> None:
        time.sleep(max(0.0, self._last_key + KEY_EVERY - time.monotonic()))
        self._last_key = time.monotonic()
        # Whoever looks back does so to change a grade.
        tab.press(self._rng.choice([key for key in GRADES if key != look.chosen]))

    def _open(self) -> Tab:
        return Tab(self._context, next(self._numbers), self.notes, self._path)

    # --- Faults -----------------------------------------------------------------------------------------------------

    def _fault_if_due(self) -> None:
        now = time.monotonic()
        stuck = now - max(self._last_grade, self._last_fault) > STUCK_AFTER
        enough = now - self._last_grade > CALM_AFTER
        if enough or (self._graded < self._next_fault and not stuck):
            return
        fault = self._deck.draw(self._possible)
        if fault is None:
            return
        self._last_fault, self._next_fault = now, self._graded + self._deck.gap()
        self._suffer(fault)

    def _possible(self, fault: Fault) -> bool:
        waiting = {pending for _, pending in self._pending}
        match fault:
            case Fault.OFFLINE | Fault.RELOAD_OFFLINE:
                return self._offline_until is None
            case Fault.RELOAD:
                return True
            case Fault.SECOND_TAB_CLOSED | Fault.SECOND_TAB_CRASHED | Fault.TAB_CRASHED:
                return len(self._tabs) == 1
            case Fault.SIGN_IN:
                return fault not in waiting
            case _:
                return self._weather.possible(fault)

    def _suffer(self, fault: Fault) -> None:
        now, rest = time.monotonic(), self._deck.outage()
        match fault:
            case Fault.OFFLINE:
                self._go_offline(now + rest)
                self.happened[fault] += 1
            case Fault.RELOAD_OFFLINE:
                self._go_offline(now + rest + 0.5)
                self._pending.append((now + self._rng.uniform(0, 0.5), fault))
            case Fault.RELOAD:
                self._tabs[0].reload()
                self.happened[fault] += 1
            case Fault.SECOND_TAB_CLOSED | Fault.SECOND_TAB_CRASHED:
                self._tabs.append(self._open())
                self._tabs.reverse()
                self._pending.append((now + self._rng.uniform(2, 6), fault))
            case Fault.TAB_CRASHED:
                self._tabs.pop().crash()
                self._tabs.append(self._open())
                self.happened[fault] += 1
            case Fault.SIGN_IN:
                self._machine.forget_sessions(self._place)
                self._pending.append((now + self._rng.uniform(0.3, 3), fault))
                self.happened[fault] += 1
            case _:
                self._weather.begin(fault, rest, forget=self._rng.random() < 0.5)

    def _go_offline(self, until: float) -> None:
        self._context.set_offline(True)
        self._offline_until = until

    def _tick(self) -> None:
        """Do what was put off until now."""
        now = time.monotonic()
        if self._offline_until is not None and self._offline_until <= now:
            self._context.set_offline(False)
            self._offline_until = None
        due = [fault for when, fault in self._pending if when <= now]
        self._pending = [(when, fault) for when, fault in self._pending if when > now]
        for fault in due:
            self._finish(fault)

    def _finish(self, fault: Fault) -> None:
        match fault:
            case Fault.RELOAD_OFFLINE:
                self._tabs[0].reload()
                self.happened[fault] += 1
            case Fault.SIGN_IN:
                if not self._sign_in():
                    self._pending.append((time.monotonic() + 0.5, fault))
            case _:
                self._part(fault)

    def _part(self, fault: Fault) -> None:
        """One of the two tabs ends, the one that is worked in or the other."""
        tab = self._tabs.pop(self._rng.randrange(2))
        if fault is Fault.SECOND_TAB_CRASHED:
            tab.crash()
        else:
            tab.close()
        self.happened[fault] += 1

    def _sign_in(self) -> bool:
        """In a tab of its own, which is then closed; whether that worked."""
        page = self._context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        try:
            told = page.goto("/accounts/login/", wait_until="domcontentloaded")
            if page.locator("input[name=login]").count():
                return sign_in(page)
            return told is not None and told.ok
        except BrowserError:
            return False
        finally:
            page.close()
