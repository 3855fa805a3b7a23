"""The blocks of a columnar replay: one row per lane, and the few numbers of the replay itself.

A lane is the events of one kind and one instrument, ascending in time, as columns. Its place in the
table is its rank: of two events of one time the one of the lower lane comes first.
"""

from typing import Final

FIRST_PAYLOAD: Final = 4  # the event column of a lane's first payload column

LANE_WIDTH: Final = 24
LANE_KIND: Final = 0
LANE_INSTRUMENT: Final = 1  # -1: none
LANE_ROWS: Final = 2  # in this window
LANE_CURSOR: Final = 3  # the first row that has not been consumed
LANE_COLUMN: Final = 4  # number of the column of times; the payload follows it
LANE_PAYLOAD: Final = 5  # how many columns of payload
LANE_CONSTANTS: Final = 6  # bit j: payload column j has one element, for all rows
LANE_WAKES: Final = 7  # number of the column of rows with signals; their bits and weights follow it
LANE_WAKE_COUNT: Final = 8
LANE_WAKE_CURSOR: Final = 9
LANE_ALWAYS: Final = 10  # 1: every row is stepped on
LANE_NEXT_TS: Final = 11  # the time of the next row that must be stepped on
LANE_PLACE: Final = 12  # in the heap, -1: not in it
LANE_BEFORE: Final = 13  # rows in the windows before this one
LANE_VALUES: Final = (
    14  # compiled strategies: number of its first column of values, plus one; 0: none
)
LANE_IS_MARKET: Final = 15  # 1: bars, quotes or prints
LANE_INPUTS: Final = 18  # the first column of the trading loop's inputs, plus one; 0: none
LANE_INPUT_CONSTANTS: Final = 19  # bit j: input column j has one element, for all rows
LANE_STEP: Final = 17  # the next row that must be stepped on; those before it may be passed over
LANE_OF_INSTRUMENT: Final = 16  # used by instrument, not by lane: its only market lane, or -1

TURN_WIDTH: Final = 5
TURN_SIZE: Final = 0  # lanes in the heap
TURN_NOW: Final = 1  # time of the slice in hand
TURN_CAUGHT_UP: Final = 2  # every lane is consumed up to here, this time included
TURN_LAST: Final = 4  # time of the last event of all lanes
TURN_READY: Final = 3  # 1: the heap and each lane's next step are made; 0 has them made

# The addresses of a replay's blocks (of the lanes also the number of rows), for the compiled world.
FRAME_WIDTH: Final = 10
FRAME_CORE: Final = 0
FRAME_BOOK: Final = 1
FRAME_LANES: Final = 2
FRAME_LANE_ROWS: Final = 3
FRAME_COLUMNS: Final = 4
FRAME_HEAP: Final = 5
FRAME_TURN: Final = 6
FRAME_EVENTS: Final = 7
FRAME_SIGNALS: Final = 8
FRAME_INTENTS: Final = 9
