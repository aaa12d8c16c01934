"""One process of a distributed training, started by a test with RANK, WORLD_SIZE and MASTER_* set."""

import os
import sys

import torch
from toy_game import sgd, toy_data, toy_game, toy_solver, toy_trainer

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    rank = int(os.environ["RANK"])
    game = toy_game()
    if rank > 0:  # the first process's parameters count
        with torch.no_grad():
            for p in game.parameters():
                p.add_(1.0)
    toy_trainer(sys.argv[1], steps=40).fit(game, toy_data(), toy_solver(sgd))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
